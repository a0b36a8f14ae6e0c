"""What a deployment needs beyond `sam deploy`."""
