"""What counts as confirmed, worst, severe, and which numbers to look at first: every output asks here."""
