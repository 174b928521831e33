"""Reports: from a record to blocks and JSON data; one file or folder for each feature."""
