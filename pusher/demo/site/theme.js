// Light or dark, before anything is painted: what was chosen here, or else what the system says.
{
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const paint = () => {
    const chosen = localStorage.getItem('gannet-theme');
    document.documentElement.dataset.theme = chosen || (dark.matches ? 'dark' : 'light');
  };
  paint();
  dark.addEventListener('change', paint);
  addEventListener('storage', paint);
}
