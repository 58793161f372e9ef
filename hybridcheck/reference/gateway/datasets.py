"""The REST resource: datasets that belong to a user and are visible within the user's tenant."""

from dataclasses import replace
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.overlaps import Overlaps
from hybridcheck.reference.gateway.store import Dataset, Store
from hybridcheck.reference.routing import Handler, Parameter, Route, integer_parameter
from hybridcheck.reference.web import Answer, Header, Problem, Request, json_answer

LIMIT = Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "Items on the page")
OFFSET = Parameter("offset", {"type": "integer", "minimum": 0, "maximum": 100_000, "default": 0}, "Items to leave out")
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 100},
    "The same key and body create one dataset, however often they are sent",
    "header",
)
IF_MATCH = Parameter("If-Match", {"type": "string"}, "Only if this is the current entity tag", "header")


ALL = "/api/datasets"
ONE = "/api/datasets/{dataset_id}"


def _route(method: str, path: str, handler: Handler, operation: str, summary: str, good: int, *bad: int) -> Route:
    """An operation on datasets: what it answers when all is well, and the statuses of its problems."""
    content = None if good == 204 else "DatasetPage" if operation == "listDatasets" else "Dataset"
    answers = {good: content, **dict.fromkeys(bad, "Problem")}
    return Route(method, path, handler, operation, summary, "datasets", answers)


class Datasets:
    """The operations under /api/datasets."""

    def __init__(self, store: Store, defects: Switches) -> None:
        """Reading needs the owner's tenant or the admin role, changing needs the owner or the admin role."""
        self._store = store
        self._defects = defects
        self.kept: set[str] = set()  # of `trained-dataset-stays`
        self._overlaps = Overlaps(defects)

    def routes(self) -> list[Route]:
        """The operations under /api/datasets."""
        page = _route("GET", ALL, self.catalogue, "listDatasets", "The datasets of the caller's tenant", 200, 422)
        create = _route("POST", ALL, self.create, "createDataset", "Create a dataset", 201, 409)
        read = _route("GET", ONE, self.read, "readDataset", "Read a dataset", 200, 404)
        change = _route("PUT", ONE, self.replace, "replaceDataset", "Replace a dataset's content", 200, 403, 404, 412)
        delete = _route("DELETE", ONE, self.delete, "deleteDataset", "Delete a dataset", 204, 403, 404)
        return [
            replace(page, parameters=(LIMIT, OFFSET)),
            replace(create, body="DatasetContent", parameters=(IDEMPOTENCY_KEY,)),
            read,
            replace(change, body="DatasetContent", parameters=(IF_MATCH,)),
            delete,
        ]

    async def catalogue(self, request: Request) -> Answer:
        """A page of the tenant's datasets; of all tenants for an admin."""
        self._require_storage()
        query = request.query()
        limit, offset = integer_parameter(query, LIMIT), integer_parameter(query, OFFSET)
        everything = request.role == "admin" or self._defects.on("collection-leak")
        items, total = self._store.datasets(None if everything else request.tenant, limit, offset)
        total = len(items) if self._defects.on("total-of-page") else total
        shown: Any = str(total) if self._defects.on("wrong-schema") else total
        return json_answer(
            {"items": [self._document(item) for item in items], "total": shown, "limit": limit, "offset": offset}
        )

    async def create(self, request: Request) -> Answer:
        """Create a dataset for the caller; the same idempotency key gives the same dataset, another body 409."""
        self._require_storage()
        if self._defects.on("upload-truncated"):
            request.document["values"] = request.document["values"][:100]
        key = request.header(b"idempotency-key")
        if key is not None:
            return self._create_once(request, key)
        return self._created(self._store.create_dataset(request.username, request.tenant, request.document))

    def _create_once(self, request: Request, key: str) -> Answer:
        if not 1 <= len(key) <= 100:
            raise Problem(422, "Idempotency-Key: 1 to 100 characters expected")
        dataset = self._store.create_dataset_once(request.username, request.tenant, request.document, key)
        if dataset is None:
            raise Problem(409, "this Idempotency-Key was used for another request")
        return self._created(dataset)

    def _created(self, dataset: Dataset) -> Answer:
        location = (b"location", f"/api/datasets/{dataset.id}".encode())
        return json_answer(self._document(dataset), 201, (location, _entity_tag(dataset)))

    async def read(self, request: Request) -> Answer:
        """The dataset; 404 for one that is not there and for one of another tenant."""
        dataset = self._readable(request)
        await self._overlaps.reading(dataset)
        return json_answer(self._document(dataset), headers=(_entity_tag(dataset),))

    async def replace(self, request: Request) -> Answer:
        """Replace the content; 412 if `If-Match` names another revision."""
        dataset = self._writable(request, "bola-write")
        expected = request.header(b"if-match")
        if expected is not None and expected not in ("*", _entity_tag(dataset)[1].decode()):
            raise Problem(412, "the dataset has changed")
        if self._defects.on("write-not-stored"):
            return json_answer(self._document(dataset) | request.document, headers=(_entity_tag(dataset),))
        changed = await self._overlaps.replaced(self._store, dataset, request.document)
        if changed is None:
            raise Problem(404, "no such dataset")
        return json_answer(self._document(changed), headers=(_entity_tag(changed),))

    async def delete(self, request: Request) -> Answer:
        """Delete the dataset."""
        dataset_id = self._writable(request, "bola-delete").id
        if dataset_id not in self.kept:
            self._store.delete_dataset(dataset_id)
        return Answer(204)

    def readable(self, request: Request, dataset_id: str) -> Dataset | None:
        """The dataset if the caller may read it."""
        dataset = self._store.dataset(dataset_id)
        if dataset is None or request.role == "admin" or dataset.tenant == request.tenant:
            return dataset
        return dataset if self._defects.on("bola-read") else None

    def _readable(self, request: Request) -> Dataset:
        self._require_storage()
        dataset = self.readable(request, request.path_values["dataset_id"])
        if dataset is None:
            raise Problem(404, "no such dataset")
        return dataset

    def _writable(self, request: Request, defect: str) -> Dataset:
        self._require_storage()
        if self._defects.on(defect):
            dataset = self._store.dataset(request.path_values["dataset_id"])
            if dataset is not None:
                return dataset
        dataset = self._readable(request)
        if request.role != "admin" and dataset.owner != request.username:
            raise Problem(403, "only its owner may change a dataset")
        return dataset

    def _require_storage(self) -> None:
        if self._defects.on("readiness-lies"):
            raise Problem(503, "the storage is not available", ((b"retry-after", b"5"),))

    def _document(self, dataset: Dataset) -> dict[str, Any]:
        document = dataset.document()
        if self._defects.on("openapi-mismatch"):
            document["revision"] = str(dataset.revision)
        return document


def _entity_tag(dataset: Dataset) -> Header:
    return b"etag", f'"{dataset.revision}"'.encode()
