"""What the commands do, for people at a terminal and for Python alike."""
