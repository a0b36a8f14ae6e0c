"""The service in memory, for the tests of those who use the client.

```python
service = FakeService()
message = service.message("alice", service.conversation("alice", "bob"))
with service.client("alice") as client:
    attachment = client.upload("holiday.mp4", message_id=message)
```

The client is the real one: only what answers its requests is not. A file counts as what its MIME
type says; nothing is read from it.
"""

from offchat_attachments.testing.service import FakeService

__all__ = ["FakeService"]
