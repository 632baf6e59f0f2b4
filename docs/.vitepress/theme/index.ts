/** VitePress's own theme, in the colours of the dashboard. Its fonts are files of the package. */
import DefaultTheme from "vitepress/theme"
import "./style.css"

export default DefaultTheme
