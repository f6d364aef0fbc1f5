"""Files: names, atomic writes, JSON lines, locks.."""
