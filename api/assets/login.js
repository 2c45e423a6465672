// The link is used up only when somebody presses the button: mail scanners open links, and must not sign anybody in.
const go = document.getElementById("go");
const said = document.getElementById("said");
const token = new URLSearchParams(location.search).get("token");
history.replaceState(null, "", location.pathname);

if (!token) {
  go.disabled = true;
  said.textContent = "This address lacks its token: open the link from your mail.";
}

go.addEventListener("click", async () => {
  go.disabled = true;
  try {
    const reply = await fetch("/auth/verify", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
    const body = await reply.json();
    if (!body.success) throw new Error(body.error.message);
    said.textContent = `Signed in as ${body.data.role} ${body.data.email}.`;
    document.getElementById("token").value = body.data.token;
    document.getElementById("done").hidden = false;
    go.hidden = true;
  } catch (error) {
    said.textContent = `Not signed in: ${error.message}. Ask for a new mail.`;
  }
});
