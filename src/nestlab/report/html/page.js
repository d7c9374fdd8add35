// Draws the charts anew at the width of the page, with values under the pointer. What is in the
// page already stays where that fails, and where nobody looks.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const tip = document.getElementById("tip");

  // Text only: a value may come from a guest.
  const show = (_handler, event, _item, value) => {
    if (value === null || value === undefined || value === "") {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren(
      ...Object.entries(value).map(([name, told]) => {
        const line = document.createElement("p");
        line.textContent = name === "told" ? `${told}` : `${name}: ${told}`;
        return line;
      }),
    );
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 16;
    const top = below + tip.offsetHeight > window.innerHeight ? event.clientY - tip.offsetHeight - 10 : below;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, top)}px`;
  };

  const draw = async (place) => {
    const drawn = place.firstElementChild;
    const live = document.createElement("div");
    live.className = "live";
    place.append(live);
    try {
      await vegaEmbed(live, charts[place.id], {
        mode: "vega-lite",
        ast: true,
        renderer: "svg",
        actions: false,
        defaultStyle: false,
        tooltip: show,
      });
    } catch (problem) {
      live.remove();
      console.warn(`nestlab: the chart ${place.id} stays as it was drawn: ${problem}`);
      return;
    }
    drawn.remove();
    live.className = "";
    place.dataset.live = "yes";
  };

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((each) => each.isIntersecting)) {
        watcher.unobserve(entry.target);
        draw(entry.target);
      }
    },
    { rootMargin: "600px" },
  );
  for (const place of document.querySelectorAll(".chart")) watcher.observe(place);

  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
  });
  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
})();
