"""The Grafana dashboard and the alert rules, built from the worker's own table of metrics: `make monitoring`."""
