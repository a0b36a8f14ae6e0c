"""What is fast here, measured against what one would do instead."""
