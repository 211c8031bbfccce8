"""Model folders on disk."""
