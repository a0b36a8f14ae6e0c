"""What the functions of OffChat Attachments share: the record, its rules and its stores."""
