/* Settings at run time: lists those of the chosen cache or limit, sets and removes them. Runs after dashboard.js. */
;(() => {
  const { $, confirmed, onDraw, onSelected, request, selected, table } = window.dashboard

  /**
   * The settings of one thing, the chosen cache or limit. `kind` is its word in requests and questions, `id` begins the ids of its
   * elements, and `entered` answers the values of the form with their words.
   */
  const panel = ({ changed, chosen, entered, id, kind, removal }) => {
    const of = (part) => $(`${id}-${part}`)
    const outcome = (text) => {
      of("outcome").textContent = text
    }

    const draw = async () => {
      const name = chosen()
      of("hint").hidden = name !== ""
      for (const control of of("form").querySelectorAll("input, select, button")) control.disabled = name === ""
      of("table").replaceChildren()
      if (name === "") return
      const response = await request("settings")
      const answer = await response.json()
      // another one was chosen meanwhile
      if (name !== chosen()) return
      if (!response.ok) return outcome(answer.problem)
      const fieldOf = ({ at, by, option }) => `${option} ${by} ${at}`
      const own = (settings) => settings.filter((setting) => setting[kind] === name)
      const [inRedis, here] = [own(answer.stored), own(answer.applied)]
      const stored = new Set(inRedis.map(fieldOf))
      const applied = new Set(here.map(fieldOf))
      const rows = [...inRedis, ...here.filter((setting) => !stored.has(fieldOf(setting)))].map((setting) => [
        setting.option,
        setting.value,
        setting.by,
        setting.until === null ? "until it is removed" : `until ${new Date(setting.until).toLocaleString("en-GB")}`,
        stored.has(fieldOf(setting)) ? "stored" : "not stored",
        applied.has(fieldOf(setting)) ? "applied here" : "not applied here"
      ])
      if (rows.length > 0) table(of("table"), ["setting", "value", "by", "lasts", "in Redis", "in this process"], rows)
    }

    const change = async (body, question) => {
      if (!of("form").reportValidity()) return
      const name = chosen()
      if (!(await confirmed(question))) return outcome("Nothing was done.")
      const response = await request("settings", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...body, [kind]: name, confirm: name, by: of("by").value })
      })
      const answer = await response.json()
      outcome(response.ok ? `Done: ${question.replace(/\?$/, "")}.` : answer.problem)
      // this process hears of it like all others
      if (response.ok) setTimeout(() => Promise.all([draw(), changed()]), 300)
    }

    of("form").onsubmit = (event) => {
      event.preventDefault()
      const { values, words } = entered((name) => of(name).value)
      const lasting = of("for").value
      change(
        {
          action: "set",
          ...values,
          ...(lasting === "" ? {} : { for: lasting }),
          stored: !of("once").checked
        },
        `Set in the ${kind} ${chosen()}, in every process: ${words.join(", ") || "nothing"}?`
      )
    }
    of("unset").onclick = () => change({ action: "unset" }, `Give the ${kind} ${chosen()} ${removal}?`)
    return draw
  }

  const drawOfCache = panel({
    id: "settings",
    kind: "cache",
    chosen: selected,
    changed: () => undefined,
    removal: "the options back that it was built with",
    entered: (value) => {
      const [timeToLive, staleFor] = [value("ttl"), value("stale")]
      const [lookups, enabled] = [value("lookups"), value("enabled")]
      return {
        values: {
          ...(timeToLive === "" ? {} : { timeToLive }),
          ...(staleFor === "" ? {} : { staleFor }),
          ...(lookups === "" ? {} : { maxLookups: Number(lookups) }),
          ...(enabled === "" ? {} : { enabled: enabled === "on" })
        },
        words: [
          ...(timeToLive === "" ? [] : [`time to live ${timeToLive}`]),
          ...(staleFor === "" ? [] : [`stale for ${staleFor}`]),
          ...(lookups === "" ? [] : [`at most ${lookups} lookups`]),
          ...(enabled === "" ? [] : [enabled])
        ]
      }
    }
  })
  onSelected(drawOfCache)
  drawOfCache()

  // limits: those with a name that the process has used

  const drawOfLimit = panel({
    id: "limits",
    kind: "limit",
    chosen: () => $("limits-name").value,
    changed: () => drawLimits(),
    removal: "the numbers back that it was built with",
    entered: (value) => {
      const [most, window, burst] = [value("most"), value("window"), value("burst")]
      return {
        values: {
          ...(most === "" ? {} : { most: Number(most) }),
          ...(window === "" ? {} : { window }),
          ...(burst === "" ? {} : { burst: Number(burst) })
        },
        words: [
          ...(most === "" ? [] : [`limit ${most}`]),
          ...(window === "" ? [] : [`window ${window}`]),
          ...(burst === "" ? [] : [`burst ${burst}`])
        ]
      }
    }
  })
  $("limits-name").onchange = drawOfLimit

  const numbers = ({ burst, most, window }) => `${most} in ${window}${burst === most ? "" : `, ${burst} at once`}`

  const drawLimits = async () => {
    const response = await request("limits")
    if (!response.ok) return
    const limits = await response.json()
    const names = Array.from(new Set(limits.map(({ limit }) => limit)))
    $("limits-none").hidden = names.length > 0
    $("limits-known").hidden = names.length === 0
    table(
      $("limits-known"),
      ["limit", "algorithm", "as built", "now", ""],
      limits.map(({ algorithm, applied, built, limit, problem }) => [
        limit,
        algorithm,
        numbers(built),
        numbers(applied),
        problem === null ? "" : `the setting is not applied: ${problem}`
      ])
    )
    const choice = $("limits-name")
    const present = Array.from(choice.options, ({ value }) => value).slice(1)
    if (names.join("\n") === present.join("\n")) return
    const name = choice.value
    choice.replaceChildren(new Option("choose", ""), ...names.map((name) => new Option(name, name)))
    choice.value = names.includes(name) ? name : ""
    choice.disabled = names.length === 0
    drawOfLimit()
  }

  // limits are known from their first call on, and change like all settings
  let readAt = 0
  onDraw(() => {
    if (Date.now() - readAt < 2000) return
    readAt = Date.now()
    drawLimits()
  })
  drawOfLimit()
})()
