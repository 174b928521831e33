"""Reports as LaTeX articles that pdflatex typesets with amsmath alone."""
