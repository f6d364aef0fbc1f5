"""How options are declared, read and refused."""
