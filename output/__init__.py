"""What people see: listings, text, progress, contact sheets, reports."""
