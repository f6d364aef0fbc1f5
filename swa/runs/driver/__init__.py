"""How a run goes, whatever it measures."""
