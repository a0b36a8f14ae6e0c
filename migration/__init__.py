"""The Django app's attachments brought over; see docs/migration.md."""
