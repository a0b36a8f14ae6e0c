"""What Lambda gets: the part of what `sam build` leaves that is used, with byte code."""
