"""Stresswatch's domain: posts, features, predictions, models and their versions.

The only place that knows what these are. It needs numpy and nothing else; what talks to AWS takes
its client as an argument.

Imports between the packages run one way, from the end of this list to its beginning:

- `errors`: the bases of all errors, and their tree.
- `task`: what a model reads and predicts, and how that is put into words.
- `aws`: what code that calls AWS shares.
- `text`: how a text is normalised, and words for people.
- `contracts`: posts, predictions and the reasons of predictions.
- `model`: the artefact, its scores and explanations.
- `evaluation`: metrics, bootstrap comparisons and splits.
- `storage` and `streaming`: objects in S3, records of Kinesis.
- `versions`: model versions and the pointers to them.
- `monitoring`: drift, live quality and the dashboard.
- `retraining`: the lease, the gate and what becomes of a challenger.
- `serving` and `producer`: the web service, batch scoring, and the client that puts posts.
"""
