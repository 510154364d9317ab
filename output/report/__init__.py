"""The copies of a library as one HTML file, to review in a browser and export as a plan."""
