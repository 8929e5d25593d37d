"""The incident drill: the card provider is down while orders run, and a person ends it with the advised commands."""
