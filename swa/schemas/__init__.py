"""Records: pydantic models of everything that is written to disk.."""
