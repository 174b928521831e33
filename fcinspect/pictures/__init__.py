"""Pictures: charts in text, the diagram of a network, figures as files."""
