"""Results as pictures: contact sheets, and previews in a terminal."""
