"""The same tokens under the intact model and under changed ones."""
