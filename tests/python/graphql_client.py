"""Python's gql: runs every GraphQL block of a page, in its order, and says what came of each.

usage: graphql_client.py URL PAGE SCHEMA EMAIL PASSWORD

The client asks for the schema first, and judges each document by it before it is sent. One JSON document
on standard output: the operations' names with their answers.
"""

import json
import pathlib
import re
import sys

from gql import Client, GraphQLRequest
from gql.transport.requests import RequestsHTTPTransport
from graphql import OperationDefinitionNode, build_schema, lexicographic_sort_schema, print_schema

url, page, sdl, email, password = sys.argv[1:]
blocks = re.findall(r"^```graphql\n(.*?)^```", pathlib.Path(page).read_text(), re.S | re.M)
known = {"email": email, "password": password, "user_name": email}
answers = []


def client(token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = RequestsHTTPTransport(url=f"{url}/graphql", headers=headers)
    return Client(transport=transport, fetch_schema_from_transport=token is not None)


def learn(data):
    """What later documents need of an answer."""
    for field, value in data.items():
        if field in ("login", "refresh"):
            known["token"] = value["access_token"]
            known["refresh_token"] = value["refresh_token"]
        elif field == "createUser":
            known["user"], known["version"] = value["id"], value["version"]
        elif field == "createGroup":
            known["group"] = value["id"]
        elif field == "users":
            known["after"] = value["pageInfo"]["endCursor"] if "pageInfo" in value else None


for block in blocks:
    request = GraphQLRequest(block)
    (operation,) = [node for node in request.document.definitions if isinstance(node, OperationDefinitionNode)]
    wanted = [definition.variable.name.value for definition in operation.variable_definitions or []]
    values = {name: known[name] for name in wanted if name in known}
    request = GraphQLRequest(block, variable_values=values)
    with client(known.get("token")) as session:
        if "token" in known and not answers[1:]:
            served = print_schema(lexicographic_sort_schema(session.client.schema))
            written = print_schema(lexicographic_sort_schema(build_schema(pathlib.Path(sdl).read_text())))
            if served != written:
                sys.exit("the schema that is served is not the one that is written:\n" + served)
        data = session.execute(request)
    learn(data)
    answers.append({"name": operation.name.value, "data": data})

json.dump(answers, sys.stdout)
