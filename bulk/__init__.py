"""Beyond one machine: units of work, clusters, object stores, data sets."""
