"""Libraries beyond one machine: units of work, data sets, and what lies in object stores."""
