"""What the texts of a project say of the datasets that it uses, and of what it owes them."""
