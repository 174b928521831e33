"""Pictures of records: terminal, JSON, CSV, Markdown."""
