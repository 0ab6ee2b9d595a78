"""What is lost or run twice while brokers restart, connections break, workers die: see bench/loss_figures.py."""
