"""The CPython half of the reference system: authentication, dashboards, streams, REST, GraphQL, metrics."""
