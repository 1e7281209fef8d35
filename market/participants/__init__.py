"""Who trades: participants, their users and keys, and how one becomes a provider."""
