"""Detection: screens that find candidates and the confirmation that removes them.."""
