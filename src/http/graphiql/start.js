"use strict";
const place = document.getElementById("graphiql");
const fetcher = GraphiQL.createFetcher({ url: place.dataset.url });
const page = React.createElement(GraphiQL, {
  fetcher,
  // A token that was typed in is gone with the page.
  shouldPersistHeaders: false,
  defaultEditorToolsVisibility: "headers",
  defaultQuery: "# Log in first, and put the token under Headers: {\"Authorization\": \"Bearer ...\"}\n\n" +
    "mutation Login($email: String!, $password: String!) {\n" +
    "  login(email: $email, password: $password) {\n    access_token\n  }\n}\n",
});
ReactDOM.createRoot(place).render(page);
