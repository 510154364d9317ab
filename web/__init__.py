"""The page in the browser: a server on this machine's own address, thin over `Library`."""
