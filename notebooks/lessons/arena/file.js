// The pocket as a file of its own, pocket.html: no teacher, and the card open.

const [place, data] = ["pocket", "data"].map((name) => document.getElementById(name));
makePocket(place, JSON.parse(data.textContent));
document.querySelector("details")?.setAttribute("open", "");
