"""The sending of deliveries that are due: claims, facts, attempts, outcomes."""
