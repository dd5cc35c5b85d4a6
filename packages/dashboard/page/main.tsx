import 'uplot/dist/uPlot.min.css'
import './style/tokens.css'
import './style/layout.css'
import './style/parts.css'
import { render } from 'preact'
import { App } from './app.tsx'
import { applyTheme } from './theme.ts'

applyTheme()
const place = document.getElementById('page')
if (place !== null) render(<App />, place)
