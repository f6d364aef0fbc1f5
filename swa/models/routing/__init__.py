"""Routers and the layers that they route."""
