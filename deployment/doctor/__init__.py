"""What may be wrong with a stack, looked for; see `python -m deployment.doctor --help`."""
