/* Settings at run time: lists those of the chosen cache, sets and removes them. Runs after dashboard.js. */
;(() => {
  const { $, confirmed, onSelected, request, selected, table } = window.dashboard
  const outcome = (text) => {
    $("settings-outcome").textContent = text
  }

  const draw = async () => {
    const cache = selected()
    $("settings-hint").hidden = cache !== ""
    for (const control of $("settings-form").querySelectorAll("input, select, button")) control.disabled = cache === ""
    $("settings").replaceChildren()
    if (cache === "") return
    const response = await request("settings")
    const answer = await response.json()
    // another cache was chosen meanwhile
    if (cache !== selected()) return
    if (!response.ok) return outcome(answer.problem)
    const fieldOf = ({ at, by, option }) => `${option} ${by} ${at}`
    const stored = new Set(answer.stored.map(fieldOf))
    const applied = new Set(answer.applied.map(fieldOf))
    const all = [...answer.stored, ...answer.applied.filter((setting) => !stored.has(fieldOf(setting)))]
    const rows = all
      .filter((setting) => setting.cache === cache)
      .map((setting) => [
        setting.option,
        setting.value,
        setting.by,
        setting.until === null ? "until it is removed" : `until ${new Date(setting.until).toLocaleString("en-GB")}`,
        stored.has(fieldOf(setting)) ? "stored" : "not stored",
        applied.has(fieldOf(setting)) ? "applied here" : "not applied here"
      ])
    if (rows.length > 0) table($("settings"), ["setting", "value", "by", "lasts", "in Redis", "in this process"], rows)
  }

  const change = async (body, question) => {
    if (!$("settings-form").reportValidity()) return
    const cache = selected()
    if (!(await confirmed(question))) return outcome("Nothing was done.")
    const response = await request("settings", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, cache, confirm: cache, by: $("setting-by").value })
    })
    const answer = await response.json()
    outcome(response.ok ? `Done: ${question.replace(/\?$/, "")}.` : answer.problem)
    // this process hears of it like all others
    if (response.ok) setTimeout(draw, 300)
  }

  $("settings-form").onsubmit = (event) => {
    event.preventDefault()
    const [timeToLive, lookups, enabled, lasting] = ["ttl", "lookups", "enabled", "for"].map(
      (name) => $(`setting-${name}`).value
    )
    const words = [
      ...(timeToLive === "" ? [] : [`time to live ${timeToLive}`]),
      ...(lookups === "" ? [] : [`at most ${lookups} lookups`]),
      ...(enabled === "" ? [] : [enabled])
    ]
    change(
      {
        action: "set",
        ...(timeToLive === "" ? {} : { timeToLive }),
        ...(lookups === "" ? {} : { maxLookups: Number(lookups) }),
        ...(enabled === "" ? {} : { enabled: enabled === "on" }),
        ...(lasting === "" ? {} : { for: lasting }),
        stored: !$("setting-once").checked
      },
      `Set in the cache ${selected()}, in every process: ${words.join(", ") || "nothing"}?`
    )
  }
  $("unset").onclick = () =>
    change({ action: "unset" }, `Give the cache ${selected()} the options back that it was built with?`)

  onSelected(draw)
  draw()
})()
