"""From manifests, as they are parsed, to what they say of workers, scalers and queues.

May know: the shapes of Kubernetes', Compose's, KEDA's and RabbitMQ's documents. May not know: files, YAML, rules.
"""
