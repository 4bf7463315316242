// Sends the code that the page was opened with, and what was typed, to the service.
const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
// Neither the history nor whoever looks over a shoulder keeps it.
history.replaceState(null, "", location.pathname);

const say = (text) => { status.textContent = text; };

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  say("");
  try {
    const answer = await fetch(form.dataset.action, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, ...Object.fromEntries(new FormData(form)) }),
    });
    if (answer.ok) {
      form.hidden = true;
      say(form.dataset.done);
      return;
    }
    const problem = await answer.json();
    const errors = Object.values(problem.errors ?? {}).flat();
    say(errors.join(" ") || problem.detail);
  } catch {
    say("The service does not answer: try again in a moment.");
  }
  button.disabled = false;
});

if (!token) {
  form.hidden = true;
  say("This page is opened by the link in a letter.");
}
