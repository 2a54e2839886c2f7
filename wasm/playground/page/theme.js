// Light or dark: as the system has it, until somebody chooses.

const THEME_KEY = 'shiwake-theme';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : systemIsDark.matches;
}

function showTheme() {
  const button = document.getElementById('theme');
  button.textContent = isDark() ? 'Light' : 'Dark';
  button.setAttribute('aria-label', `Switch to the ${isDark() ? 'light' : 'dark'} theme`);
}

function startTheme() {
  // Storage may be forbidden, as it is for files in some browsers.
  try {
    const chosen = localStorage.getItem(THEME_KEY);
    if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.theme = chosen;
  } catch { /* the system's theme it is */ }
  document.getElementById('theme').addEventListener('click', () => {
    const theme = isDark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem(THEME_KEY, theme); } catch { /* for this visit only */ }
    showTheme();
  });
  systemIsDark.addEventListener('change', showTheme);
  showTheme();
}
