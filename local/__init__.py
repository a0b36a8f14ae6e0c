"""The template on this machine: a strict S3 gate, the functions, the HTTP API, the queue poller."""
