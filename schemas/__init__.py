"""What things are: tables, descriptors, manifests, and the datasets that come built in."""
