"""From a packed candidate to a tag: champion, release gates, proofs."""
