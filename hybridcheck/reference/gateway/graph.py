"""A small GraphQL endpoint over the caller and the datasets: queries only, with a depth limit."""

from typing import Any

from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.datasets import Datasets
from hybridcheck.reference.gateway.store import Dataset, Store
from hybridcheck.reference.routing import Route
from hybridcheck.reference.web import Answer, Request, json_answer

MAX_DEPTH = 8  # what introspection of types such as `[Dataset!]!` needs

SCHEMA = """
type User { username: String! role: String! tenant: String! datasetCount: Int! }
type Dataset { id: ID! name: String! owner: String! size: Int! revision: Int! values: [Float!]! }
type Query {
  me: User!
  dataset(id: ID!): Dataset
  datasets(limit: Int = 20): [Dataset!]!
}
"""


class Graph:
    """The operation POST /graphql."""

    def __init__(self, store: Store, datasets: Datasets, defects: Switches) -> None:
        """Follows the same access rules as the REST resource."""
        self._store = store
        self._datasets = datasets
        self._defects = defects
        self._schema: GraphQLSchema | None = None  # built with the first query: start-up stays short

    def routes(self) -> list[Route]:
        """The operation POST /graphql."""
        return [
            Route(
                "POST",
                "/graphql",
                self.query,
                "graphql",
                "GraphQL queries",
                "graphql",
                {200: "GraphAnswer", 400: "GraphAnswer"},
                body="GraphQuery",
                safe=True,
            )
        ]

    async def query(self, request: Request) -> Answer:
        """The result of a query; 400 with `errors` for one that cannot be run, as the GraphQL over HTTP draft says."""
        if self._schema is None:
            self._schema = build_schema(SCHEMA)
        document = request.document
        try:
            tree = parse(document["query"], max_tokens=2000)
        except (GraphQLError, RecursionError) as error:
            return _refused([error])
        errors: list[GraphQLError] = validate(self._schema, tree)
        if not errors and _depth_of(tree) > MAX_DEPTH:
            errors = [GraphQLError(f"a query may be at most {MAX_DEPTH} levels deep")]
        if errors:
            return _refused(errors)
        result = execute_sync(
            self._schema,
            tree,
            root_value=_Root(self, request),
            variable_values=document.get("variables"),
            operation_name=document.get("operationName"),
        )
        if result.data is None and result.errors:
            return _refused(result.errors)
        return json_answer(self._shown(result))

    def _shown(self, result: ExecutionResult) -> dict[str, Any]:
        shown: dict[str, Any] = dict(result.formatted)
        if self._defects.on("graphql-wrong-type"):
            data: dict[str, Any] = shown["data"]
            shapes = [*(data.get("datasets") or ()), data.get("dataset") or {}, data.get("me") or {}]
            for shape in shapes:
                shape.update({name: str(shape[name]) for name in ("size", "datasetCount") if name in shape})
        return shown

    def readable(self, request: Request, dataset_id: str) -> Dataset | None:
        """The dataset if the caller may read it."""
        return self._datasets.readable(request, dataset_id)

    def count(self, request: Request) -> int:
        """How many datasets the caller's tenant has."""
        return self._store.datasets(request.tenant, 1, 0)[1]

    def page(self, request: Request, limit: int) -> list[Dataset]:
        """The first datasets of the caller's tenant."""
        return self._store.datasets(None if request.role == "admin" else request.tenant, limit, 0)[0]


class _Root:
    """The query fields, resolved for one caller."""

    def __init__(self, graph: Graph, request: Request) -> None:
        self._graph = graph
        self._request = request

    def me(self, info: Any) -> dict[str, Any]:
        request = self._request
        known = {"username": request.username, "role": request.role, "tenant": request.tenant}
        return known | {"datasetCount": self._graph.count(request)}

    def dataset(self, info: Any, id: str) -> dict[str, Any] | None:  # noqa: A002 - as the schema calls it
        dataset = self._graph.readable(self._request, id)
        return None if dataset is None else _shape(dataset)

    def datasets(self, info: Any, limit: int) -> list[dict[str, Any]]:
        if not 1 <= limit <= 100:
            raise GraphQLError("limit: 1 to 100 expected")
        return [_shape(dataset) for dataset in self._graph.page(self._request, limit)]


def _shape(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "name": dataset.name,
        "owner": dataset.owner,
        "size": len(dataset.numbers),
        "revision": dataset.revision,
        "values": list(dataset.numbers),
    }


def _refused(errors: list[Any]) -> Answer:
    messages = [
        {"message": error.message if isinstance(error, GraphQLError) else "the query is too deep"} for error in errors
    ]
    return json_answer({"errors": messages}, 400)


def _depth_of(tree: Any) -> int:
    fragments = {node.name.value: node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)}
    return max(_depth(node, fragments) for node in tree.definitions)


def _depth(node: Node, fragments: dict[str, FragmentDefinitionNode]) -> int:
    # Fragment cycles cannot occur: validation has refused them.
    if isinstance(node, FragmentSpreadNode):
        return _depth(fragments[node.name.value], fragments)
    selections = getattr(node, "selection_set", None)
    below = max((_depth(child, fragments) for child in selections.selections), default=0) if selections else 0
    return (
        below if isinstance(node, InlineFragmentNode | FragmentDefinitionNode) else below + isinstance(node, FieldNode)
    )
