"""Media: a report as a terminal page, Markdown, HTML, LaTeX, SVG or JSON; none knows a feature."""
